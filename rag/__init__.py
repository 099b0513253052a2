"""Youju (有据): questions about Chinese articles, answered with the exact source sentence."""
