"""The nouns: frozen records, each with a columnar twin (`remnant.records.codec`)."""
