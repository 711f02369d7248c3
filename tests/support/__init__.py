# SPDX-License-Identifier: MIT
"""What the end-to-end tests share. Python's standard library and pytest, nothing else."""
