"""Pictures of graphs: what is drawn (`picture`), where (`layout`), and one module for each format."""
