#include "src/audit/check.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/audit/checks.h"
#include "src/audit/checks_md.h"

namespace weigh::core {

namespace {

using enum CheckGroup;
using enum CheckInput;
constexpr auto kError = Severity::Error;
constexpr auto kWarning = Severity::Warning;
constexpr auto kNote = Severity::Note;

// clang-format off
constexpr auto kChecks = std::to_array<Check>({
    // Reading that stops: the header says nothing that can be used.
    {"unreadable", Whole, Reading, kError, "the path cannot be read", nullptr},
    {"no-model", Whole, Reading, kError, "the folder holds no GGUF or safetensors file", nullptr},
    {"other-format", Whole, Reading, kError, "the file is something else than a GGUF or safetensors model", nullptr},
    {"invalid-header", Whole, Reading, kError, "the header breaks the rules of its format", nullptr},
    {"truncated-header", Whole, Reading, kError, "the file ends inside its header", nullptr},
    {"header-length", Safe, Reading, kError, "the header's stated length is larger than the file or than any reader accepts", nullptr},
    {"absurd-count", Safe, Reading, kError, "a count or length is larger than the bytes that are left", nullptr},
    {"size-overflow", Safe, Reading, kError, "a tensor's size or place does not fit in 64 bits", nullptr},
    {"deep-nesting", Safe, Reading, kError, "values are nested deep enough to exhaust a reader's stack", nullptr},
    {"duplicate-field", Safe, Reading, kError, "a field of the header stands twice, and readers differ on which they take", nullptr},
    {"tensor-size-mismatch", Safe, Reading, kError, "a tensor's offsets disagree with its type and shape", nullptr},
    {"path-escape", Safe, Reading, kError, "the index names a file outside of its folder", nullptr},
    {"invalid-index", Whole, Reading, kError, "the index cannot be read", nullptr},

    // Whole: what is there.
    {"truncated", Whole, Model, kError, "the file is shorter than its header says", nullptr},
    {"trailing-bytes", Whole, Model, kError, "bytes lie behind the last tensor", nullptr},
    {"data-hole", Whole, Model, kError, "bytes between tensors belong to none", nullptr},
    {"missing-shard", Whole, Reading, kError, "parts of the set are not there", nullptr},
    {"unreadable-shard", Whole, Model, kError, "a part of the set cannot be read", nullptr},
    {"extra-shard", Whole, Folder, kWarning, "a file is numbered like a part of the set and is none", check_extra_shard},
    {"shards-swapped", Whole, Safetensors, kError, "a shard holds what the index says of another", check_shards_swapped},
    {"split-mismatch", Whole, Gguf, kError, "the parts of a split disagree on their numbers or their tensors", nullptr},
    {"two-generations", Whole, Safetensors, kWarning, "a single file lies beside a sharded set of the same model", nullptr},
    {"incomplete-download", Whole, Folder, kWarning, "a download was not finished", check_incomplete_download},
    {"lfs-pointer", Whole, Folder, kError, "a git-lfs pointer lies in place of the file", check_lfs_pointer},
    {"empty-file", Whole, Folder, kError, "a file that a loader needs is empty", check_empty_file},
    {"dangling-link", Whole, Folder, kError, "a link leads to a file that is not there", check_dangling_link},
    {"size-mismatch", Whole, Folder, kError, "the file is not as long as it is said to be", check_size_mismatch},
    {"copy-left-out", Whole, Safetensors, kNote, "the same weights lie beside in another form", nullptr},
    {"adapter-left-out", Whole, Safetensors, kNote, "an adapter lies beside the model", nullptr},
    {"file-left-out", Whole, Safetensors, kNote, "a weight file lies beside that is no part of the model", nullptr},

    // Honest: what is said of it.
    {"missing-tensor", Honest, Safetensors, kError, "the index names tensors that no shard holds", nullptr},
    {"unindexed-tensor", Honest, Safetensors, kWarning, "a shard holds a tensor that the index does not name", nullptr},
    {"tensor-in-two-shards", Honest, Safetensors, kWarning, "a tensor lies in another shard than the index says", nullptr},
    {"index-duplicate", Honest, Safetensors, kError, "the index names a tensor twice", nullptr},
    {"index-claim", Honest, Safetensors, kNote, "a figure of the index is no number", nullptr},
    {"index-total-size", Honest, Safetensors, kWarning, "total_size of the index is not the sum of the tensors", nullptr},
    {"index-total-parameters", Honest, Safetensors, kWarning, "total_parameters of the index is not the number of parameters", nullptr},
    {"config-unreadable", Honest, Safetensors, kWarning, "config.json or a file like it is no valid JSON", nullptr},
    {"config-layers", Honest, Safetensors, kError, "config.json states another number of layers than the tensors have", check_config_layers},
    {"config-heads", Honest, Safetensors, kError, "config.json states other attention heads than the tensors have", check_config_heads},
    {"config-width", Honest, Safetensors, kError, "config.json states another width than the embedding has", check_config_width},
    {"config-vocabulary", Honest, Safetensors, kError, "config.json states another vocabulary than the embedding has rows", check_config_vocabulary},
    {"experts-absent", Honest, Safetensors, kWarning, "config.json states experts and no tensor belongs to one", check_experts_absent},
    {"expert-count-mismatch", Honest, Model, kWarning, "another number of experts is stated than the tensors have", nullptr},
    {"expert-missing", Honest, Model, kWarning, "experts of a layer are missing", nullptr},
    {"expert-router-mismatch", Honest, Model, kWarning, "a router chooses among another number of experts than there are", nullptr},
    {"expert-shape-mismatch", Honest, Model, kWarning, "stacked expert tensors of a layer disagree on their number", nullptr},
    {"expert-used-excess", Honest, Model, kWarning, "more experts are said to work on a token than there are", nullptr},
    {"expert-shared-mismatch", Honest, Model, kWarning, "shared experts are stated and no tensor belongs to one", nullptr},
    {"expert-count-varies", Honest, Model, kNote, "layers have different numbers of experts", nullptr},
    {"expert-used-unknown", Honest, Model, kNote, "nothing says how many experts work on a token", nullptr},
    {"expert-groups", Honest, Model, kNote, "the experts come in groups of which a token uses one", nullptr},
    {"quantization-not-found", Honest, Safetensors, kWarning, "the config states a quantisation that no tensor has", nullptr},
    {"quantization-mismatch", Honest, Safetensors, kWarning, "the config states another quantisation than the tensors have", nullptr},
    {"quantization-bits-mismatch", Honest, Safetensors, kWarning, "the config states other bits than the shapes tell", nullptr},
    {"quantization-bits-assumed", Honest, Safetensors, kWarning, "nothing tells how many bits packed weights have", nullptr},
    {"tied-head-stored", Honest, Safetensors, kNote, "the head is said to be the embedding, and yet it is stored", nullptr},
    {"unknown-role", Honest, Model, kNote, "nothing is known of what a tensor does", nullptr},
    {"card-parameters", Honest, Model, kWarning, "README.md states another number of parameters than the tensors have", check_card_parameters},
    {"gguf-block-count", Honest, Gguf, kError, "block_count is not the number of blocks", check_gguf_block_count},
    {"gguf-file-type", Honest, Gguf, kWarning, "general.file_type is not the type of the weights", check_gguf_file_type},
    {"gguf-vocabulary", Honest, Gguf, kWarning, "the tokenizer has another number of tokens than the embedding has rows", check_gguf_vocabulary},
    {"size-label", Honest, Gguf, kWarning, "the size in a key or in the file's name is not that of the model", check_size_label},
    {"layer-shape", Honest, Model, kWarning, "one layer's tensor has another shape than those of all others", check_layer_shape},

    // Deep: what the bytes are. These run with --deep.
    {"sha256-mismatch", Deep, Folder, kError, "the content is not what its sha256 says", nullptr},
    {"git-id-mismatch", Deep, Folder, kError, "the content is not what its git id says", nullptr},
    {"nan", Deep, Model, kError, "a tensor holds values that are no numbers", nullptr},
    {"infinite", Deep, Model, kWarning, "a tensor holds infinite values", nullptr},
    {"all-zero", Deep, Model, kWarning, "a tensor is all zeros", nullptr},
    {"not-looked-into", Deep, Model, kNote, "the values of an element type are not understood here", nullptr},
    {"not-checkable", Deep, Folder, kNote, "the bytes are not there to be read", nullptr},

    // Safe: what it does to who loads it.
    {"pickle-in-place", Safe, Folder, kError, "a pickle lies in place of the weights", check_pickle_in_place},
    {"pickle-beside", Safe, Folder, kWarning, "a pickle lies beside the weights", check_pickle_beside},
    {"polyglot", Safe, Model, kError, "the file is a zip archive or a pickle as well", check_polyglot},
    {"auto-map", Safe, Folder, kWarning, "a config names code for the loader to run", check_auto_map},
    {"code-file", Safe, Folder, kWarning, "code lies beside the weights", check_code_file},
    {"template-escape", Safe, Folder, kError, "a chat template reaches out into Python", check_template_escape},
    {"template-unusual", Safe, Folder, kWarning, "a chat template uses what none needs", check_template_unusual},
    {"duplicate-json-key", Safe, Folder, kWarning, "a key stands twice in one JSON object", check_duplicate_json_key},
    {"duplicate-key", Safe, Model, kError, "a metadata key stands twice", nullptr},
    {"duplicate-tensor", Safe, Model, kError, "two tensors have one name", nullptr},
    {"tensor-overlap", Safe, Model, kError, "tensors share bytes", nullptr},
    {"control-character", Safe, Folder, kWarning, "a name holds control characters", check_control_character},
    {"bidi-override", Safe, Folder, kWarning, "a name holds characters that are invisible or turn letters round", check_bidi_override},
    {"invalid-utf8", Safe, Folder, kWarning, "a name is not UTF-8", check_invalid_utf8},
    {"absurd-size", Safe, Model, kError, "a tensor is larger than any file", check_absurd_size},
    {"sum-overflow", Safe, Model, kError, "the tensors' sizes add up to more than 64 bits hold", nullptr},
    {"empty-key", Safe, Gguf, kError, "a metadata key is empty", nullptr},
    {"long-key", Safe, Gguf, kError, "a metadata key is longer than 65535 bytes", nullptr},
    {"long-tensor-name", Safe, Gguf, kError, "a tensor's name is longer than loaders take", nullptr},
    {"zero-dimension", Safe, Gguf, kError, "a tensor has a dimension of 0", nullptr},
    {"unknown-type", Safe, Gguf, kError, "a tensor's type is known to nobody", nullptr},
    {"removed-type", Safe, Gguf, kError, "a tensor's type was removed and loaders refuse it", nullptr},
    {"fork-type", Safe, Gguf, kWarning, "a tensor's type is read by a fork only", nullptr},
    {"tensor-misaligned", Safe, Model, kError, "a tensor does not begin at a multiple of the alignment", nullptr},
    {"tensor-order", Safe, Gguf, kWarning, "tensors do not lie in the order of the header", nullptr},
    {"large-alignment", Safe, Gguf, kWarning, "the alignment is larger than any writer's", nullptr},
    {"leading-blanks", Safe, Safetensors, kNote, "the header begins with blanks, which older readers refuse", nullptr},
});
// clang-format on

}  // namespace

std::string_view group_name(CheckGroup group) {
  constexpr std::array<std::string_view, 4> kNames{"whole", "honest", "deep", "safe"};
  return kNames[static_cast<std::size_t>(group)];
}

void FindingReporter::report(std::string message, Location place) const {
  report(check_.severity, std::move(message), std::move(place));
}

void FindingReporter::report(Severity severity, std::string message, Location place) const {
  log_.add({severity, check_.id, std::move(message), std::move(place.tensor), place.offset, std::move(place.file)});
}

std::span<const Check> checks() { return kChecks; }

const Check* find_check(std::string_view id) {
  const auto* check = std::ranges::find(kChecks, id, &Check::id);
  return check == kChecks.end() ? nullptr : check;
}

std::string_view check_help(std::string_view id) {
  const std::string_view all = checks_md();
  const std::string heading = "\n### " + std::string(id) + "\n";
  const auto begin = all.find(heading);
  if (begin == std::string_view::npos) return {};
  std::string_view section = all.substr(begin + heading.size());
  section = section.substr(0, std::min(section.find("\n### "), section.find("\n## ")));
  const auto first = section.find_first_not_of('\n');
  const auto last = section.find_last_not_of('\n');
  return first == std::string_view::npos ? std::string_view() : section.substr(first, last + 1 - first);
}

}  // namespace weigh::core
