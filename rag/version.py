"""The version of Youju, as answers and libraries record it."""

VERSION = "0.1.0"
