"""Rotation symmetry that is built in.

A layer that turns the image four ways, convolves and averages cannot tell in which direction an edge runs. A
group convolution keeps the four answers apart, and still turns with the image.
"""

import hepsets as hs

EVENTS = 1_000

# Digits, each turned once by 0°, 90°, 180° or 270°, and networks of one size: one knows nothing of turns, one
# begins with the layer that averages, and one turns with the image in every layer.
settings = {
    "data": {"training_images": EVENTS, "validation_images": 200, "test_images": 597},
    "models": ["cnn", "averaged", "p4cnn"],
    "augmented": [],
    "studies": [],
    "trainings": 1,
}
run = hs.run("c4-images", scale="quick", settings=settings)
for model in run.metrics["models"]:
    accuracy = f"{model['accuracy']:.3f} ± {model['accuracy_se']:.3f}"
    print(f"{model['name']:8} {model['parameters']} parameters, accuracy {accuracy}")

# Whether the network turns with the image: the largest difference after any layer, beside the largest output.
for model in run.metrics["models"]:
    print(f"{model['name']:8} {model['equivariance_error']:.0e}")

# One image in its four turns, and what the first layers say of it.
run.plot("one_image")
