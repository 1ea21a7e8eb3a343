"""Holds one recipe a network: data, split, augmentation, schedule. Judges nothing."""
