"""The explorer in the browser: translates between the page and the front doors, no mathematics."""
