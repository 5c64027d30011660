// Package gan is what a GAN is: models, objectives, the training step, the trainer, sampling and checkpoints.
package gan
