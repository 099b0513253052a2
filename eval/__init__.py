"""Offline evaluation of Youju."""
