#include "src/model/naming/name_reader.h"

#include <array>
#include <string>
#include <unordered_map>

#include "formats/name_index.h"
#include "src/model/naming/recent_names.h"
#include "src/model/packing/schemes.h"

namespace weigh::core {

namespace {

// What all names have in common that differ only in their numbers.
struct Known {
  ExpertPart part = ExpertPart::None;
  bool chunk = false;
  std::uint8_t expert_number = 0;  // which of the numbers is the expert's
  Role role = Role::Other;
  bool own = false;           // the role holds in a tower too
  Stack stack = Stack::None;  // of a name outside of blocks
};

struct Number {
  std::size_t at;  // where its part begins
  std::uint64_t value;
};
constexpr std::size_t kMaxNumbers = 4;

// A path with each number replaced by "#". Only up to kMaxNumbers are told apart; a path of more is `odd`.
struct Generic {
  std::string text;
  std::array<Number, kMaxNumbers> numbers{};
  std::size_t count = 0;
  bool odd = false;

  void read(std::string_view rest, bool in_block) {
    text.assign(1, in_block ? '.' : '^');
    count = 0;
    odd = false;
    for (std::size_t at = 0; at < rest.size();) {
      const std::string_view part = rest.substr(at, rest.find('.', at) - at);
      const bool digit = !part.empty() && part.back() >= '0' && part.back() <= '9';
      const auto number = digit ? expert_number(part) : std::nullopt;
      if (number) {
        odd = odd || count == kMaxNumbers;
        if (!odd) numbers[count++] = {at, *number};
        text += part.front() == 'e' ? "expert_#" : "#";
      } else {
        text += part;
      }
      at += part.size() + 1;
      if (at <= rest.size()) text += '.';
    }
  }
};

struct KeyedHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return keyed_hash(text); }
};

Role role_of(ExpertPart part, Role otherwise) {
  switch (part) {
    case ExpertPart::Indexed:
    case ExpertPart::Stacked: return Role::RoutedExpert;
    case ExpertPart::Shared: return Role::SharedExpert;
    case ExpertPart::Router: return Role::Router;
    case ExpertPart::None: break;
  }
  return otherwise;
}

Role in_tower(const Known& known, Stack stack) {
  if (known.own) return known.role;
  switch (stack) {
    case Stack::Vision: return Role::Vision;
    case Stack::Audio: return Role::Audio;
    case Stack::Projector: return Role::Projector;
    case Stack::Prediction: return Role::Prediction;
    default: return known.role;
  }
}

class Reader {
 public:
  explicit Reader(Naming naming) : naming_(naming) {}

  ReadName read(std::string_view rest, const Block& block) {
    const bool in_block = block.layer >= 0;
    if (const auto expert = in_block ? experts_.find(rest) : std::nullopt) {
      return {.role = in_tower(*expert->meaning, block.stack),
              .expert = {.part = ExpertPart::Indexed, .chunk = expert->meaning->chunk, .index = expert->number}};
    }
    generic_.read(rest, in_block);
    const Known known = look_up(rest, in_block);
    if (in_block && known.part == ExpertPart::Indexed && !generic_.odd && generic_.count == 1) {
      experts_.add(around_number(rest, generic_.numbers.front().at), known);
    }
    ReadName name{.role = in_tower(known, in_block ? block.stack : known.stack),
                  .expert = {.part = known.part, .chunk = known.chunk}};
    if (known.part == ExpertPart::Indexed) name.expert.index = index_of(rest, known);
    return name;
  }

 private:
  Known look_up(std::string_view rest, bool in_block) {
    if (generic_.odd) return understand(rest, in_block);
    const auto found = known_.find(std::string_view(generic_.text));
    if (found != known_.end()) return found->second;
    const Known known = understand(rest, in_block);
    // A model has a hundred or so; whoever brings more shall not fill the memory with them.
    constexpr std::size_t kMaxKnown = 4096;
    if (known_.size() < kMaxKnown) known_.emplace(generic_.text, known);
    return known;
  }

  [[nodiscard]] Known understand(std::string_view rest, bool in_block) const {
    const std::string_view module = split_name(rest).module;
    const ExpertName expert = expert_name(rest);
    const Role by_pattern = role_of_module(module, naming_);
    Known known{.part = expert.part, .chunk = expert.chunk};
    known.own = by_pattern == Role::Prediction || by_pattern == Role::Projector || by_pattern == Role::Adapter ||
                by_pattern == Role::Buffer;
    known.role = known.own ? by_pattern : role_of(expert.part, by_pattern);
    if (!in_block) known.stack = stack_of(module);
    for (std::size_t i = 0; i < generic_.count; ++i) {
      if (generic_.numbers[i].at == expert.index_at) known.expert_number = static_cast<std::uint8_t>(i);
    }
    return known;
  }

  [[nodiscard]] std::uint64_t index_of(std::string_view rest, const Known& known) const {
    return generic_.odd ? expert_name(rest).index : generic_.numbers[known.expert_number].value;
  }

  Naming naming_;
  RecentNames<Known> experts_;
  Generic generic_;
  std::unordered_map<std::string, Known, KeyedHash, std::equal_to<>> known_;
};

}  // namespace

ReadNames read_names(std::span<const TensorFacts> tensors, Naming naming) {
  ReadNames names;
  names.tensors.reserve(tensors.size());
  names.blocks.emplace_back();
  NameIndex index(256);
  index.id({});
  Reader reader(naming);
  std::uint32_t last = 0;
  for (const TensorFacts& facts : tensors) {
    std::string_view rest = facts.tensor->name;
    // Tensors come block by block, so the one before usually tells.
    const std::string_view before = names.blocks[last].name;
    if (!before.empty() && rest.starts_with(before) && rest.size() > before.size() && rest[before.size()] == '.') {
      rest.remove_prefix(before.size() + 1);
    } else {
      const NameParts parts = parse_name(rest);
      rest = parts.rest;
      last = index.id(parts.block);
      if (last == names.blocks.size()) names.blocks.push_back({parts.block, parts.stack, parts.layer});
    }
    ReadName name = reader.read(rest, names.blocks[last]);
    name.block = last;
    // One tensor that only such a block has makes the whole block one that predicts further tokens.
    if (name.role == Role::Prediction && last != 0) names.blocks[last].prediction = true;
    names.tensors.push_back(name);
  }
  return names;
}

void assign_roles(const ReadNames& names, std::span<TensorFacts> facts) {
  std::vector<bool> recurrent(names.blocks.size());
  for (const ReadName& name : names.tensors) {
    if (name.role == Role::StateSpace && name.block != 0) recurrent[name.block] = true;
  }
  for (std::size_t i = 0; i < facts.size(); ++i) {
    Role role = names.tensors[i].role;
    // A GGUF keeps a delta net's inputs under attention's names, attn_qkv and attn_gate.
    const bool input = role == Role::AttentionFused || role == Role::AttentionOther;
    if (input && recurrent[names.tensors[i].block]) role = Role::StateSpace;
    facts[i].prediction = role == Role::Prediction || names.blocks[names.tensors[i].block].prediction;
    if (facts[i].prediction) {
      role = Role::Prediction;
    } else if (role == Role::RoutedExpert && !facts[i].routed_expert) {
      // A learned scale per expert works for every token; a layer of one expert without a router is dense.
      role = last_part(facts[i].tensor->name) == "scale" ? Role::Router : Role::DenseFfn;
    }
    const bool overhead = facts[i].parameters == 0 && facts[i].tensor->elements != 0;
    facts[i].role = overhead && role != Role::Buffer ? Role::Overhead : role;
  }
}

}  // namespace weigh::core
