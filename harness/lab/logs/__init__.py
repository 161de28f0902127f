"""The logs that simulated hosts write, in the formats of Exchange 2016 and IIS 10."""
