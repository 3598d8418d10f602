#pragma once

#include "src/audit/check.h"

namespace weigh {

// The functions of the checks, one for each row of the table that has one; the table says what they look for.

// whole.cpp
void check_incomplete_download(const Audited& audited, const Alarm& alarm);
void check_lfs_pointer(const Audited& audited, const Alarm& alarm);
void check_empty_file(const Audited& audited, const Alarm& alarm);
void check_dangling_link(const Audited& audited, const Alarm& alarm);
void check_size_mismatch(const Audited& audited, const Alarm& alarm);
void check_extra_shard(const Audited& audited, const Alarm& alarm);
void check_shards_swapped(const Audited& audited, const Alarm& alarm);

// honest_config.cpp
void check_duplicate_json_key(const Audited& audited, const Alarm& alarm);
void check_config_layers(const Audited& audited, const Alarm& alarm);
void check_config_heads(const Audited& audited, const Alarm& alarm);
void check_config_width(const Audited& audited, const Alarm& alarm);
void check_config_vocabulary(const Audited& audited, const Alarm& alarm);
void check_experts_absent(const Audited& audited, const Alarm& alarm);
void check_card_parameters(const Audited& audited, const Alarm& alarm);

// honest_gguf.cpp
void check_gguf_block_count(const Audited& audited, const Alarm& alarm);
void check_gguf_file_type(const Audited& audited, const Alarm& alarm);
void check_gguf_vocabulary(const Audited& audited, const Alarm& alarm);
void check_size_label(const Audited& audited, const Alarm& alarm);
void check_layer_shape(const Audited& audited, const Alarm& alarm);

// safe.cpp
void check_pickle_beside(const Audited& audited, const Alarm& alarm);
void check_pickle_in_place(const Audited& audited, const Alarm& alarm);
void check_polyglot(const Audited& audited, const Alarm& alarm);
void check_auto_map(const Audited& audited, const Alarm& alarm);
void check_code_file(const Audited& audited, const Alarm& alarm);
void check_template_escape(const Audited& audited, const Alarm& alarm);
void check_template_unusual(const Audited& audited, const Alarm& alarm);
void check_control_character(const Audited& audited, const Alarm& alarm);
void check_bidi_override(const Audited& audited, const Alarm& alarm);
void check_invalid_utf8(const Audited& audited, const Alarm& alarm);
void check_absurd_size(const Audited& audited, const Alarm& alarm);

}  // namespace weigh
