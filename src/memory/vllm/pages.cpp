#include "src/memory/vllm/pages.h"

#include <algorithm>
#include <array>
#include <functional>

#include "src/memory/serving.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kBlock = 16;        // tokens of a page of attention
constexpr std::uint64_t kLatentBlock = 64;  // and of latent attention

// Layers that take pages alike.
struct LayerType {
  PageKind kind = PageKind::Full;
  std::uint64_t window = 0;
  std::uint64_t token_bytes = 0;  // of State: of the state
  std::uint64_t block_tokens = 0;
  std::vector<std::uint64_t> layers;  // their places

  [[nodiscard]] std::uint64_t page() const { return times(token_bytes, kind == PageKind::State ? 1 : block_tokens); }
  [[nodiscard]] std::uint64_t count() const { return layers.size(); }
};

LayerType type_of_attention(const RunModel& model, const LayerModel& layer, std::uint64_t token_bytes,
                            const VllmStart& start) {
  LayerType type;
  const bool slides = layer.sliding && model.window != 0 && has_groups(start.version);
  const bool chunked = slides && model.rule != nullptr && model.rule->window == WindowRule::Chunked;
  type.kind = !slides ? PageKind::Full : chunked ? PageKind::Chunked : PageKind::Sliding;
  type.window = slides ? model.window : 0;
  type.token_bytes = token_bytes;
  const bool latent = layer.mixer == Mixer::Latent && (layer.parts & kAbsorbed) != 0;
  type.block_tokens = start.block_tokens.value_or(latent ? kLatentBlock : kBlock);
  return type;
}

void add_layer(LayerType type, std::uint64_t place, std::vector<LayerType>& types) {
  const auto same = std::ranges::find_if(types, [&](const LayerType& other) {
    return other.kind == type.kind && other.window == type.window &&
           (type.kind == PageKind::State || other.token_bytes == type.token_bytes);
  });
  LayerType& found = same == types.end() ? types.emplace_back(std::move(type)) : *same;
  found.token_bytes = std::max(found.token_bytes, type.token_bytes);
  found.layers.push_back(place);
}

std::optional<std::vector<LayerType>> layer_types(const RunModel& model, const Run& run, const VllmStart& start) {
  std::vector<LayerType> types;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerModel& layer = model.layers[i];
    if (keeps_tokens(layer)) {
      const Bytes bytes = cached_token_bytes(model, layer, run, start.shards.tensor);
      if (!bytes) return std::nullopt;
      if (*bytes != 0) add_layer(type_of_attention(model, layer, *bytes, start), i, types);
    }
    if (keeps_state(layer)) {
      const Bytes bytes = cached_state_bytes(model, layer, start.shards.tensor);
      if (!bytes) return std::nullopt;
      if (*bytes != 0) add_layer({.kind = PageKind::State, .token_bytes = *bytes, .layers = {}}, i, types);
    }
  }
  return types;
}

// Only types whose pages are sized alike by nature: one kind, one window.
bool are_one_kind(const std::vector<LayerType>& types) {
  return std::ranges::all_of(types, [&](const LayerType& type) {
    return type.kind == types.front().kind && type.window == types.front().window;
  });
}

// Beside a state the pages of attention are so large that a state fits in one (docs/serving.md 3.4).
void widen_for_state(std::vector<LayerType>& types) {
  std::uint64_t state = 0;
  std::uint64_t widest = 0;
  for (const LayerType& type : types) {
    std::uint64_t& largest = type.kind == PageKind::State ? state : widest;
    largest = std::max(largest, type.token_bytes);
  }
  if (state == 0 || widest == 0) return;
  for (LayerType& type : types) {
    if (type.kind == PageKind::State) continue;
    const std::uint64_t tokens = times(divided_up(divided_up(state, widest), kBlock), kBlock);
    type.block_tokens = std::max(type.block_tokens, tokens);
  }
}

// All pages have the size of the largest; a type with smaller ones takes more tokens to a page.
std::uint64_t equal_pages(std::vector<LayerType>& types) {
  std::uint64_t page = 0;
  for (const LayerType& type : types) page = std::max(page, type.page());
  for (LayerType& type : types) {
    if (type.kind != PageKind::State) type.block_tokens = times(type.block_tokens, page / type.page());
  }
  return page;
}

// As many layers to a group as the smallest type has, or as the largest has where it is little larger.
std::uint64_t layers_of_group(const std::vector<LayerType>& types) {
  std::uint64_t least = types.front().count();
  std::uint64_t most = least;
  for (const LayerType& type : types) {
    least = std::min(least, type.count());
    most = std::max(most, type.count());
  }
  return 2 * most < 3 * least ? most : least;
}

// The stage of a layer.
std::uint64_t stage_of(std::uint64_t place, const std::vector<std::uint64_t>& stages) {
  std::uint64_t stage = 0;
  for (; stage + 1 < stages.size() && place >= stages[stage]; ++stage) place -= stages[stage];
  return stage;
}

PageGroup group_of(const LayerType& type) {
  return {type.kind, type.window, type.kind == PageKind::State ? 0 : type.block_tokens, 0};
}

// One kind: one group, and a block is a page of each layer's own width.
CachePages one_group(const std::vector<LayerType>& types, const std::vector<std::uint64_t>& stages) {
  CachePages pages;
  pages.stage_block_bytes.resize(stages.size());
  pages.groups.push_back(group_of(types.front()));
  for (const LayerType& type : types) {
    pages.block_bytes = plus(pages.block_bytes, times(type.page(), type.count()));
    for (const std::uint64_t place : type.layers) {
      std::uint64_t& stage = pages.stage_block_bytes[stage_of(place, stages)];
      stage = plus(stage, type.page());
    }
  }
  return pages;
}

CachePages several_groups(std::vector<LayerType> types, const std::vector<std::uint64_t>& stages) {
  widen_for_state(types);
  const std::uint64_t page = equal_pages(types);
  const std::uint64_t size = layers_of_group(types);
  CachePages pages;
  pages.block_bytes = times(page, size);
  pages.stage_block_bytes.resize(stages.size());
  for (const LayerType& type : types) {
    const std::uint64_t groups = divided_up(type.count(), size);
    pages.groups.insert(pages.groups.end(), groups, group_of(type));
    // Layers are dealt out to the groups in turn, so each stage has about as many of each.
    std::vector<std::uint64_t> layers(stages.size());
    for (const std::uint64_t place : type.layers) ++layers[stage_of(place, stages)];
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
      std::uint64_t& bytes = pages.stage_block_bytes[stage];
      bytes = std::max(bytes, times(page, divided_up(layers[stage], groups)));
    }
  }
  return pages;
}

// DeepSeek V4: compressed cells of the whole context in pages of 256 tokens, and for each request a window and what the
// compressor keeps. How vLLM pages the latter is not known: they count with their bytes.
CachePages compressed_pages(const RunModel& model, const std::vector<std::uint64_t>& stages) {
  constexpr std::uint64_t kTokens = 256;
  CachePages pages;
  pages.stage_block_bytes.resize(stages.size());
  PageGroup rows{.kind = PageKind::Rows};
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerModel& layer = model.layers[i];
    if (layer.predicts) continue;
    const CompressedRow cell = compressed_row(model, layer);
    const std::uint64_t state = cached_state_bytes(model, layer, 1).value_or(0);
    rows.bytes = plus(rows.bytes, plus(times(cell.row, model.window), state));
    if (layer.compress_ratio == 0) continue;
    const std::uint64_t bytes = times(plus(cell.row, cell.key), divided_up(kTokens, layer.compress_ratio));
    pages.block_bytes = plus(pages.block_bytes, bytes);
    std::uint64_t& stage = pages.stage_block_bytes[stage_of(i, stages)];
    stage = plus(stage, bytes);
  }
  pages.groups = {{.kind = PageKind::Full, .block_tokens = kTokens}, rows};
  return pages;
}

}  // namespace

std::uint64_t CachePages::smallest_page() const {
  std::uint64_t tokens = 0;
  for (const PageGroup& group : groups) {
    if (group.block_tokens != 0) tokens = tokens == 0 ? group.block_tokens : std::min(tokens, group.block_tokens);
  }
  return tokens;
}

std::uint64_t CachePages::largest_page() const {
  std::uint64_t tokens = 0;
  for (const PageGroup& group : groups) tokens = std::max(tokens, group.block_tokens);
  return tokens;
}

std::optional<CachePages> cache_pages(const RunModel& model, const Run& run, const VllmStart& start) {
  const auto stages = layers_of_stages(model.layers.size(), start.shards.pipeline);
  if (model.compresses()) return compressed_pages(model, stages);
  const auto types = layer_types(model, run, start);
  if (!types || types->empty()) return std::nullopt;
  return are_one_kind(*types) ? one_group(*types, stages) : several_groups(*types, stages);
}

RequestBlocks request_blocks(const CachePages& pages, const VllmStart& start, std::uint64_t length,
                             std::uint64_t batches) {
  const std::uint64_t batch = times(start.batched_tokens, batches);
  RequestBlocks blocks;
  for (const PageGroup& group : pages.groups) {
    const auto of = [&](std::uint64_t tokens) { return divided_up(std::min(tokens, length), group.block_tokens); };
    switch (group.kind) {
      case PageKind::Full:
        blocks.of_tokens += divided_up(length, times(group.block_tokens, start.context_parallel));
        break;
      case PageKind::Sliding: blocks.of_tokens += of(plus(group.window - 1, batch)) + 1; break;
      case PageKind::Chunked: blocks.of_tokens += of(plus(group.window, batch)); break;
      case PageKind::State: blocks.of_states += start.prefix_caching ? 2 : 1; break;
      case PageKind::Rows: blocks.of_tokens += pages.block_bytes == 0 ? 0 : divided_up(group.bytes, pages.block_bytes);
    }
  }
  return blocks;
}

}  // namespace weigh::core
