"""What a configuration may say and what it leads to: schema, recipes, search candidates, fingerprints."""
