"""How well images are told apart, over several trainings, and whether what is learnt turns with them."""
