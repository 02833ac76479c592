"""Where items run: in processes of this machine (`local`), or on a Ray cluster (`ray_cluster`)."""
