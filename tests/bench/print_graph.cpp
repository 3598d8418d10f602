// The compute graph that the memory model makes of a run: print_graph FILE [SETTING...]
//
// A setting is context=N, kv=TYPE, ubatch=N, parallel=N, flash=off, unified=on, swa_full=on. One line for each node, as
// llama.cpp's own graph would list it; tests/bench/graph_diff.py holds the two against each other.

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/checkpoint/open_checkpoint.h"
#include "src/memory/cache.h"
#include "src/memory/graph/graph_builder.h"
#include "src/memory/run_model.h"

namespace {

using weigh::core::Run;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool set(std::string_view setting, Run& run) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = setting.substr(0, equals), value = setting.substr(equals + 1);
  if (key == "context") run.context = number(value);
  if (key == "kv") run.key_type = run.value_type = weigh::core::dtype_from_name(value).value();
  if (key == "ubatch") run.micro_batch = number(value);
  if (key == "parallel") run.sequences = number(value);
  if (key == "flash") run.flash_attention = value != "off";
  if (key == "unified") run.unified_cache = value == "on";
  if (key == "swa_full") run.full_window_cache = value == "on";
  return true;
}

}  // namespace

int main(int argc, char** argv) try {
  Run run{.context = 8192};
  for (int i = 2; i < argc; ++i) {
    if (!set(argv[i], run)) argc = 0;
  }
  if (argc < 2) {
    fmt::print(stderr, "usage: print_graph FILE [SETTING=VALUE...]\n");
    return 2;
  }
  auto opened = weigh::core::open_checkpoints(argv[1]);
  if (opened.checkpoints.empty()) return EXIT_FAILURE;
  const weigh::core::Model source = weigh::core::describe(std::move(opened.checkpoints.front()));
  const auto model = weigh::core::read_run_model(source);
  const auto cells = model ? weigh::core::count_cells(*model, run) : std::nullopt;
  if (!cells) return EXIT_FAILURE;
  const weigh::core::Graph graph = weigh::core::GraphBuilder(*model, run, *cells).build();
  fmt::print("{}", weigh::core::listing(graph));
  fmt::print("# {} bytes\n", weigh::core::buffer_bytes(graph, 32));
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  fmt::print(stderr, "print_graph: {}\n", error.what());
  return EXIT_FAILURE;
}
