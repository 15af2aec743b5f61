"""Records to page, PDF, figure and table: the only place that draws."""
