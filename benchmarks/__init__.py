"""Measured figures: ``python -m benchmarks --list``; every file of this folder is one benchmark."""
