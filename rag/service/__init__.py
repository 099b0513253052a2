"""The HTTP service beside the page: who asks, what they may do, and the routes."""
