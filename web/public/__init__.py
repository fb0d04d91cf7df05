"""Figures that everybody may see, where the office wants that ([web.public])."""
