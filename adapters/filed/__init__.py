"""Text messages that are filed with a provider beforehand: it takes a template's id and parameters, and no text.

The text that was rendered is the truth. It is compared with the filed text, and what stands at the placeholders becomes
the parameters; so the provider's message reads exactly as ours does, or is not sent.
"""
