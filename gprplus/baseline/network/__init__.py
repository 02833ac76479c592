"""The network: backbone, pooling and BNNeck, first weights, embedding."""
