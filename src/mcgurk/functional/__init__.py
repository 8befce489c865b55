"""Numerics that more than one room needs: arrays in, arrays out, no estimator, no data object."""
