"""What must hold before a change is merged, beyond what one object alone can get wrong."""
