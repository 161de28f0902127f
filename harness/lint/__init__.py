"""Static proof: what a script would run is checked against each version that it is made for, before any host sees it."""
