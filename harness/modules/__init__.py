"""The resources that a task can name: desired state, difference, and two scripts each."""
