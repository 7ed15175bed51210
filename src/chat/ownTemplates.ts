// Chat templates of our own: where a file has none, and where the one it has is known to be wrong.

/** BitNet b1.58 2B-4T was trained on this; its file carries a placeholder. */
export const bitnetTemplate =
  "{{ bos_token }}{% for message in messages %}{{ message['role'] | capitalize }}: {{ message['content'] | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}Assistant: {% endif %}";

export const bitnetArchitectures: readonly string[] = ['bitnet-b1.58', 'bitnet-25'];

/** The form that most models have seen, for a vocabulary that has its tokens. */
export const chatMlTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** For a model that was never trained on turns: a script of two people, which it goes on with. */
export const plainTemplate =
  "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}" +
  "{% elif message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\\n' }}{% else %}{{ 'Assistant: ' + message['content'] + '\\n' }}{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

/** Where the model begins to write the other one's part of the script. */
export const plainStops: readonly string[] = ['\nUser:'];
