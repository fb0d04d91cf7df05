"""Switchroom: the contact-centre appliance."""

__version__ = "0.1.0"
