"""The options of the model's parts beside v3's, each alone and all together."""

PARTS = {
    "depthwise": {"mixer": "depthwise"},
    "ternary depthwise": {"mixer": "depthwise", "ternary_mixer": True},
    "attention": {"mixer": "attention"},
    "ternary attention": {
        **{"mixer": "attention", "ternary_mixer": True},
        **{"mixer_width": 12, "attention_heads": 3, "ternary_scale": "mean"},
    },
    "attention with taps": {"mixer": "attention", "attention_taps": 3},
    "mlgru": {"mixer": "mlgru", "mixer_width": 10},
    "ternary mlgru": {"mixer": "mlgru", "ternary_mixer": True, "gru_gate": "paper"},
    "two blocks": {"blocks": 2},
    "silu": {"activation": "silu"},
    "output gains": {"output_gains": True},
    "first skip": {"first_skip": True},
    "pairs": {"bigram_rows": 13},
    "all": {
        "mixer": "depthwise",
        "blocks": 2,
        "activation": "silu",
        "output_gains": True,
        "first_skip": True,
        "bigram_rows": 13,
        "logit_scale": 0.3,
        "initial_weights": "fan_out",
    },
}
