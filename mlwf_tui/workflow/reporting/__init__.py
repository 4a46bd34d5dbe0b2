"""Reports as files for people: pages with their charts and pictures, and tables."""
