"""Resources of AWS: read, compared with what is desired, changed, waited for."""
