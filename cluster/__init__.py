"""Mechanics: Ray, node groups and the bounded flow of tasks. Knows nothing of images, imports nothing else of ours."""
