"""Packages are found, and the templates and static files, which stand beside them in the tree, go inside `tipline` in a wheel."""

from setuptools import find_packages, setup

BESIDE = {"tipline.templates": "templates", "tipline.static": "static"}

setup(packages=[*find_packages(include=["tipline*", "evidence*"]), *BESIDE], package_dir=BESIDE)
