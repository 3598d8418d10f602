#pragma once

#include "src/audit/check.h"

namespace weigh::core {

// The functions in the table of checks (check.cpp), which says what each looks for.

// check_completeness.cpp
void check_incomplete_download(const AuditInput& input, const FindingReporter& reporter);
void check_lfs_pointer(const AuditInput& input, const FindingReporter& reporter);
void check_empty_file(const AuditInput& input, const FindingReporter& reporter);
void check_dangling_link(const AuditInput& input, const FindingReporter& reporter);
void check_size_mismatch(const AuditInput& input, const FindingReporter& reporter);
void check_missing_file(const AuditInput& input, const FindingReporter& reporter);
void check_extra_shard(const AuditInput& input, const FindingReporter& reporter);
void check_shards_swapped(const AuditInput& input, const FindingReporter& reporter);

// check_config.cpp
void check_config_unreadable(const AuditInput& input, const FindingReporter& reporter);
void check_duplicate_json_key(const AuditInput& input, const FindingReporter& reporter);
void check_config_layers(const AuditInput& input, const FindingReporter& reporter);
void check_config_heads(const AuditInput& input, const FindingReporter& reporter);
void check_config_width(const AuditInput& input, const FindingReporter& reporter);
void check_config_vocabulary(const AuditInput& input, const FindingReporter& reporter);
void check_config_dtype(const AuditInput& input, const FindingReporter& reporter);
void check_experts_absent(const AuditInput& input, const FindingReporter& reporter);
void check_card_parameters(const AuditInput& input, const FindingReporter& reporter);

// check_gguf.cpp
void check_gguf_block_count(const AuditInput& input, const FindingReporter& reporter);
void check_gguf_file_type(const AuditInput& input, const FindingReporter& reporter);
void check_gguf_vocabulary(const AuditInput& input, const FindingReporter& reporter);
void check_size_label(const AuditInput& input, const FindingReporter& reporter);
void check_layer_shape(const AuditInput& input, const FindingReporter& reporter);

// check_pickles.cpp
void check_pickle_beside(const AuditInput& input, const FindingReporter& reporter);
void check_pickle_in_place(const AuditInput& input, const FindingReporter& reporter);
void check_serialised_code(const AuditInput& input, const FindingReporter& reporter);
void check_polyglot(const AuditInput& input, const FindingReporter& reporter);

// check_code.cpp
void check_auto_map(const AuditInput& input, const FindingReporter& reporter);
void check_trust_remote_code(const AuditInput& input, const FindingReporter& reporter);
void check_code_file(const AuditInput& input, const FindingReporter& reporter);
void check_link_outside(const AuditInput& input, const FindingReporter& reporter);

// check_templates.cpp
void check_template_escape(const AuditInput& input, const FindingReporter& reporter);
void check_template_unusual(const AuditInput& input, const FindingReporter& reporter);
void check_template_place(const AuditInput& input, const FindingReporter& reporter);

// check_names.cpp
void check_control_character(const AuditInput& input, const FindingReporter& reporter);
void check_bidi_override(const AuditInput& input, const FindingReporter& reporter);
void check_invalid_utf8(const AuditInput& input, const FindingReporter& reporter);
void check_absurd_size(const AuditInput& input, const FindingReporter& reporter);

}  // namespace weigh::core
