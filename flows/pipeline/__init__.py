"""From pages to sinks: tags, routes, formats, fields and detections."""
