"""Other detectors' interfaces on this toolkit's models, so that an existing program switches by one import."""
