"""The course, the tables and the figures as static pages: no external request, searchable."""
