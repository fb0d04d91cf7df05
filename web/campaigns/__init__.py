"""Campaigns: lists of numbers, messages, starting, watching, reports."""
