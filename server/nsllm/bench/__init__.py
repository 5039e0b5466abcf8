"""What `nsllm bench` measures, on this machine and with the models in use."""
