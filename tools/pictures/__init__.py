"""Parts of the maintenance tool that remakes the embedded picture table."""
