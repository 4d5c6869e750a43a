"""The project's measurements: how good and how fast the product is, printed by `make bench`. Not collected by pytest.

metrics.py        how far one picture, or one clip, is from another
"""
