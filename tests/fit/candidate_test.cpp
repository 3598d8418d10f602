#include "src/fit/candidate.h"

#include <map>
#include <set>

#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

// The standard run, and one for each field that differs from it in that field alone.
std::vector<Run> runs_of_every_field() {
  std::vector<Run> runs(25);
  runs[1].engine = Engine::Vllm;
  runs[2].context = 8192;
  runs[3].key_type = Dtype::Q8_0;
  runs[4].value_type = Dtype::Q8_0;
  runs[5].sequences = 2;
  runs[6].unified_cache = true;
  runs[7].batch = 512;
  runs[8].micro_batch = 128;
  runs[9].flash_attention = false;
  runs[10].full_window_cache = true;
  runs[11].outputs = 1;
  runs[12].gpu_layers = 0;
  runs[13].cpu_moe_layers = 1;
  runs[14].projector_on_host = true;
  runs[15].drafted = 3;
  runs[16].cpu_ffn_layers = 1;
  runs[19].device_chunk = 1;
  runs[17].draft_key_type = Dtype::Q8_0;
  runs[18].draft_value_type = Dtype::Q8_0;
  runs[20].scale_per_head = true;
  runs[21].serving.eager = true;
  runs[22].prompt = 1;
  runs[23].generated = 1;
  runs[24].eager_attention = true;
  return runs;
}

}  // namespace

TEST_CASE("what is remembered of one run is never given for another") {
  // All of its fields by name: one that is added does not compile until it has a run above.
  const auto& [engine, context, key, value, sequences, unified, batch, micro_batch, attention, window, outputs, layers,
               experts, ffn, chunk, projector, draft_key, draft_value, drafted, scale, serving, prompt, generated,
               eager] = Run();
  CHECK(engine == Engine::LlamaCpp);
  const std::vector<Run> runs = runs_of_every_field();
  CHECK(std::set<Run>(runs.begin(), runs.end()).size() == runs.size());

  const Model model = open("Llama-2-7B.Q8_0");
  Candidate candidate(model, Engine::LlamaCpp);
  Run logits;
  logits.outputs = 1;
  const MemoryNeed all_rows = candidate.whole(Run()).need;
  CHECK(bytes(candidate.whole(logits).need.compute) < bytes(all_rows.compute));
  CHECK(candidate.whole(Run()).need == all_rows);
}

TEST_CASE("a run without a context counts with 4096 tokens, or the model's own if less") {
  const Model model = open("Llama-2-7B.Q8_0");
  const Candidate candidate(model, Engine::LlamaCpp);
  CHECK(candidate.context(Run()) == 4096);
  Run run;
  run.context = 300;
  CHECK(candidate.context(run) == 300);
}
