"""What the mesh costs: of policies before a program, of changes that sidecars are told of, and of what they tell."""
