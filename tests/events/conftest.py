"""What all tests of the events share."""

from hypothesis import settings

# A machine that is busy with other things isn't a failure of the example that it was slow on.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
