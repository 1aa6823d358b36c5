"""Tencent Cloud API 3.0: signing, and the image jobs of hunyuan and aiart."""
