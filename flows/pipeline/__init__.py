"""From a page to the documents of every sink: tags, categories, routing, destinations."""
