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
using enum FindingCode;
constexpr auto kError = Severity::Error;
constexpr auto kWarning = Severity::Warning;
constexpr auto kNote = Severity::Note;

// clang-format off
constexpr auto kChecks = std::to_array<Check>({
    // Faults that stop the reader: nothing is known of the model.
    {Unreadable, Whole, Reading, kError, "the path cannot be read", nullptr},
    {NoModel, Whole, Reading, kError, "the folder holds no GGUF or safetensors file", nullptr},
    {OtherFormat, Whole, Reading, kError, "the file is something else than a GGUF or safetensors model", nullptr},
    {InvalidHeader, Whole, Reading, kError, "the header breaks the rules of its format", nullptr},
    {TruncatedHeader, Whole, Reading, kError, "the file ends inside its header", nullptr},
    {HeaderLength, Safe, Reading, kError, "the header's stated length is larger than the file or than any reader accepts", nullptr},
    {AbsurdCount, Safe, Reading, kError, "a count or length is larger than the bytes that are left", nullptr},
    {SizeOverflow, Safe, Reading, kError, "a tensor's size or place does not fit in 64 bits", nullptr},
    {DeepNesting, Safe, Reading, kError, "values are nested deep enough to exhaust a reader's stack", nullptr},
    {DuplicateField, Safe, Reading, kError, "a field of the header occurs twice, and readers differ on which they take", nullptr},
    {TensorSizeMismatch, Safe, Reading, kError, "a tensor's offsets disagree with its type and shape", nullptr},
    {PathEscape, Safe, Reading, kError, "the index names a file outside of its folder", nullptr},
    {InvalidIndex, Whole, Reading, kError, "the index cannot be read", nullptr},

    // Whole: is the model complete?
    {Truncated, Whole, Model, kError, "the file is shorter than its header says", nullptr},
    {TrailingBytes, Whole, Model, kError, "bytes lie behind the last tensor", nullptr},
    {DataHole, Whole, Model, kError, "bytes between tensors belong to none", nullptr},
    {MissingShard, Whole, Reading, kError, "parts of the set are not there", nullptr},
    {UnreadableShard, Whole, Model, kError, "a part of the set cannot be read", nullptr},
    {ExtraShard, Whole, Folder, kWarning, "a file is numbered like a part of the set and is none", check_extra_shard},
    {ShardsSwapped, Whole, Safetensors, kError, "a shard holds what the index says of another", check_shards_swapped},
    {SplitMismatch, Whole, Gguf, kError, "the parts of a split disagree on their numbers or their tensors", nullptr},
    {TwoGenerations, Whole, Safetensors, kWarning, "a single file is next to a sharded set of the same model", nullptr},
    {IncompleteDownload, Whole, Folder, kWarning, "a download was not finished", check_incomplete_download},
    {LfsPointer, Whole, Folder, kError, "a git-lfs pointer is in place of the file", check_lfs_pointer},
    {EmptyFile, Whole, Folder, kError, "a file that a loader needs is empty", check_empty_file},
    {DanglingLink, Whole, Folder, kError, "a link leads to a file that is not there", check_dangling_link},
    {SizeMismatch, Whole, Folder, kError, "the file is not as long as it is said to be", check_size_mismatch},
    {MissingFile, Whole, Folder, kWarning, "a file of the commit is not in the folder", check_missing_file},
    {CopyLeftOut, Whole, Safetensors, kNote, "the same weights lie beside in another form", nullptr},
    {AdapterLeftOut, Whole, Safetensors, kNote, "an adapter is next to the model", nullptr},
    {FileLeftOut, Whole, Safetensors, kNote, "a weight file next to the model is not part of it", nullptr},

    // Honest: are the model's own statements true?
    {MissingTensor, Honest, Safetensors, kError, "the index names tensors that no shard holds", nullptr},
    {UnindexedTensor, Honest, Safetensors, kError, "a shard holds a tensor that the index does not name", nullptr},
    {TensorInTwoShards, Honest, Safetensors, kWarning, "a tensor is in another shard than the index says", nullptr},
    {IndexDuplicate, Honest, Safetensors, kError, "the index names a tensor twice", nullptr},
    {IndexClaim, Honest, Safetensors, kWarning, "a figure of the index is not a number", nullptr},
    {IndexTotalSize, Honest, Safetensors, kWarning, "total_size of the index is not the sum of the tensors", nullptr},
    {IndexTotalParameters, Honest, Safetensors, kWarning, "total_parameters of the index is not the number of parameters", nullptr},
    {ConfigUnreadable, Honest, Folder, kWarning, "config.json or a file like it is not valid JSON", check_config_unreadable},
    {ConfigLayers, Honest, Safetensors, kError, "config.json states another number of layers than the tensors have", check_config_layers},
    {ConfigHeads, Honest, Safetensors, kError, "config.json states other attention heads than the tensors have", check_config_heads},
    {ConfigWidth, Honest, Safetensors, kError, "config.json states another width than the embedding has", check_config_width},
    {ConfigVocabulary, Honest, Safetensors, kError, "config.json states another vocabulary than the embedding has rows", check_config_vocabulary},
    {ConfigDtype, Honest, Safetensors, kWarning, "config.json states another element type than most weights have", check_config_dtype},
    {ExpertsAbsent, Honest, Safetensors, kWarning, "config.json states experts and no tensor belongs to one", check_experts_absent},
    {ExpertCountMismatch, Honest, Model, kWarning, "another number of experts is stated than the tensors have", nullptr},
    {ExpertMissing, Honest, Model, kWarning, "experts of a layer are missing", nullptr},
    {ExpertRouterMismatch, Honest, Model, kWarning, "a router chooses among another number of experts than there are", nullptr},
    {ExpertShapeMismatch, Honest, Model, kWarning, "stacked expert tensors of a layer disagree on their number", nullptr},
    {ExpertUsedExcess, Honest, Model, kWarning, "more experts are said to work on a token than there are", nullptr},
    {ExpertSharedMismatch, Honest, Model, kWarning, "shared experts are stated and no tensor belongs to one", nullptr},
    {ExpertCountVaries, Honest, Model, kNote, "layers have different numbers of experts", nullptr},
    {ExpertUsedUnknown, Honest, Model, kNote, "nothing says how many experts work on a token", nullptr},
    {ExpertGroups, Honest, Model, kNote, "the experts come in groups of which a token uses one", nullptr},
    {QuantizationNotFound, Honest, Safetensors, kWarning, "the config states a quantisation that no tensor has", nullptr},
    {QuantizationMismatch, Honest, Safetensors, kWarning, "the config states another quantisation than the tensors have", nullptr},
    {QuantizationBitsMismatch, Honest, Safetensors, kWarning, "the config states other bits than the shapes tell", nullptr},
    {QuantizationBitsAssumed, Honest, Safetensors, kWarning, "nothing tells how many bits packed weights have", nullptr},
    {PackingUnknown, Honest, Safetensors, kWarning, "most weights are integers whose packing is not known", nullptr},
    {TiedHeadStored, Honest, Safetensors, kNote, "the head is said to be the embedding, and yet it is stored", nullptr},
    {UnknownRole, Honest, Model, kNote, "nothing is known of what a tensor does", nullptr},
    {CardParameters, Honest, Model, kWarning, "README.md states another number of parameters than the tensors have", check_card_parameters},
    {GgufBlockCount, Honest, Gguf, kError, "block_count is not the number of blocks", check_gguf_block_count},
    {GgufFileType, Honest, Gguf, kWarning, "general.file_type or a name states a type that no weight has", check_gguf_file_type},
    {GgufVocabulary, Honest, Gguf, kWarning, "the tokenizer has another number of tokens than the embedding has rows", check_gguf_vocabulary},
    {SizeLabel, Honest, Gguf, kWarning, "the size in a key or in the file's name is not that of the model", check_size_label},
    {LayerShape, Honest, Model, kWarning, "one layer's tensor has another shape than those of all others", check_layer_shape},

    // Deep: are the bytes sound? These run with --deep only.
    {Sha256Mismatch, Deep, Folder, kError, "the content is not what its sha256 says", nullptr},
    {GitIdMismatch, Deep, Folder, kError, "the content is not what its git id says", nullptr},
    {Nan, Deep, Model, kError, "a tensor holds values that are no numbers", nullptr},
    {Infinite, Deep, Model, kWarning, "a tensor holds infinite values", nullptr},
    {AllZero, Deep, Model, kWarning, "a tensor is all zeros", nullptr},
    {NotLookedInto, Deep, Model, kNote, "the values of an element type are not understood here", nullptr},
    {NotCheckable, Deep, Folder, kNote, "the bytes are not there to be read", nullptr},

    // Safe: is it safe to load?
    {PickleInPlace, Safe, Folder, kError, "a pickle is in place of the weights", check_pickle_in_place},
    {PickleBeside, Safe, Folder, kWarning, "a pickle is next to the weights", check_pickle_beside},
    {SerialisedCode, Safe, Folder, kWarning, "code is kept with the weights", check_serialised_code},
    {Polyglot, Safe, Model, kError, "the file is a zip archive or a pickle as well", check_polyglot},
    {AutoMap, Safe, Folder, kWarning, "a config names code for the loader to run", check_auto_map},
    {CodeFile, Safe, Folder, kWarning, "code is next to the weights", check_code_file},
    {TrustRemoteCode, Safe, Folder, kNote, "a config asks loaders to run code", check_trust_remote_code},
    {LinkOutside, Safe, Folder, kNote, "a link leads out of the folder", check_link_outside},
    {TemplateEscape, Safe, Folder, kError, "a chat template reaches out into Python", check_template_escape},
    {TemplateUnusual, Safe, Folder, kWarning, "a chat template uses what none needs", check_template_unusual},
    {TemplatePlace, Safe, Folder, kNote, "a chat template lies where few look for one", check_template_place},
    {DuplicateJsonKey, Safe, Folder, kWarning, "a key occurs twice in one JSON object", check_duplicate_json_key},
    {DuplicateKey, Safe, Model, kError, "a metadata key occurs twice", nullptr},
    {DuplicateTensor, Safe, Model, kError, "two tensors have one name", nullptr},
    {TensorOverlap, Safe, Model, kError, "tensors share bytes", nullptr},
    {ControlCharacter, Safe, Folder, kWarning, "a name holds control characters", check_control_character},
    {BidiOverride, Safe, Folder, kWarning, "a name holds characters that are invisible or turn letters round", check_bidi_override},
    {InvalidUtf8, Safe, Folder, kWarning, "a name is not UTF-8", check_invalid_utf8},
    {AbsurdSize, Safe, Model, kError, "a tensor is larger than any file", check_absurd_size},
    {SumOverflow, Safe, Model, kError, "the tensors' sizes add up to more than 64 bits hold", nullptr},
    {EmptyKey, Safe, Gguf, kError, "a metadata key is empty", nullptr},
    {LongKey, Safe, Gguf, kError, "a metadata key is longer than 65535 bytes", nullptr},
    {LongTensorName, Safe, Gguf, kWarning, "a tensor's name is longer than some loaders take, or all", nullptr},
    {ZeroDimension, Safe, Gguf, kError, "a tensor has a dimension of 0", nullptr},
    {UnknownType, Safe, Gguf, kError, "a tensor's type is known to nobody", nullptr},
    {RemovedType, Safe, Gguf, kError, "a tensor's type was removed and loaders refuse it", nullptr},
    {ForkType, Safe, Gguf, kWarning, "a tensor's type is read by a fork only", nullptr},
    {TensorMisaligned, Safe, Model, kError, "a tensor does not begin at a multiple of the alignment", nullptr},
    {TensorOrder, Safe, Gguf, kWarning, "tensors are not in the order of the header", nullptr},
    {LargeAlignment, Safe, Gguf, kWarning, "the alignment is larger than any writer's", nullptr},
    {LeadingBlanks, Safe, Safetensors, kNote, "the header begins with blanks, which older readers refuse", nullptr},
});
// clang-format on

consteval auto rows_with(FindingCode code) { return std::ranges::count(kChecks, code, &Check::code); }
#define CODE(name, text) static_assert(rows_with(FindingCode::name) == 1, "one check for each code: " text);
#define CODE_WITHOUT_CHECK(name, text) static_assert(rows_with(FindingCode::name) == 0, "no check makes: " text);
#include "formats/finding_codes.inc"

}  // namespace

std::string_view group_name(CheckGroup group) {
  constexpr std::array<std::string_view, 4> kNames{"whole", "honest", "deep", "safe"};
  return kNames[static_cast<std::size_t>(group)];
}

void FindingReporter::report(std::string message, Location location) const {
  report(check_.severity, std::move(message), std::move(location));
}

void FindingReporter::report(Severity severity, std::string message, Location location) const {
  Finding finding(check_.code, severity, std::move(message));
  finding.tensor = std::move(location.tensor);
  finding.offset = location.offset;
  finding.file = std::move(location.file);
  log_.add(std::move(finding));
}

std::span<const Check> checks() { return kChecks; }

const Check* find_check(FindingCode code) {
  const auto* check = std::ranges::find(kChecks, code, &Check::code);
  return check == kChecks.end() ? nullptr : check;
}

std::string_view check_help(FindingCode code) {
  const std::string_view all = checks_md();
  const std::string heading = "\n### " + std::string(name_of(code)) + "\n";
  const auto begin = all.find(heading);
  if (begin == std::string_view::npos) return {};
  std::string_view section = all.substr(begin + heading.size());
  section = section.substr(0, std::min(section.find("\n### "), section.find("\n## ")));
  const auto first = section.find_first_not_of('\n');
  const auto last = section.find_last_not_of('\n');
  return first == std::string_view::npos ? std::string_view() : section.substr(first, last + 1 - first);
}

}  // namespace weigh::core
