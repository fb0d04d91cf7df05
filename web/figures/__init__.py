"""Figures of the office over any period: a page, and files of it."""
