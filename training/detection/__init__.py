"""Knows how the detector that is shipped is made from YuNet. Does not run in the live system."""
