#include "src/source/file_names.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace weigh::core;

TEST_CASE("what a file is by its name") {
  struct Kind {
    std::string_view what;
    bool (*is)(std::string_view);
    std::vector<std::string_view> yes;
    std::vector<std::string_view> no;
  };
  const Kind kinds[] = {
      {"GGUF", is_gguf_name, {"a.gguf", "a.gguf.zst", "sub/a.gguf"}, {"a.gguf.part", "gguf", "a.GGUF", "a.zst"}},
      {"safetensors",
       is_safetensors_name,
       {"a.safetensors", "a.safetensors.zst"},
       {"a.safetensors.index.json", "a.gguf", ""}},
      {"weights", is_weights_name, {"a.gguf", "a.safetensors.zst"}, {"a.weigh.zst", "a.bin"}},
      {"a model", is_model_name, {"a.gguf", "a.safetensors", "a.weigh.zst"}, {"a.weigh", "a.bin", "a.json"}},
      {"an index",
       is_index_name,
       {"model.safetensors.index.json", "pytorch_model.bin.index.json", "model.safetensors.index.fp16.json"},
       {"a.index.d/config.json", "index.json", "a.index.txt"}},
      {"an index of safetensors",
       is_safetensors_index_name,
       {"model.safetensors.index.json", "unet/model.safetensors.index.json"},
       {"pytorch_model.bin.index.json", "safetensors/pytorch_model.bin.index.json"}},
      {"an adapter",
       is_adapter_name,
       {"adapter_model.safetensors", "lora/pytorch_lora_weights.safetensors"},
       {"my_adapter_model.safetensors", "adapter_model.bin"}},
      {"consolidated",
       is_consolidated_name,
       {"consolidated.safetensors", "a/consolidated.00.pth"},
       {"model.safetensors"}},
      {"another framework's",
       is_other_framework_name,
       {"pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.00.pth", "tf_model.h5"},
       {"training_args.bin", "model.safetensors"}},
      {"unfinished",
       is_unfinished_name,
       {"a.gguf.part", "blob.incomplete", "sha256-00ff-partial", "sha256-00ff-partial-12"},
       {"a.gguf", "a-partial-b", "partial.gguf"}},
      {"a side file",
       is_side_file_name,
       {"config.json", "unet/config.json", "hf_quant_config.json", "tokenizer_config.json", "chat_template.jinja",
        "model.safetensors.index.json"},
       {"tokenizer.json", "my_config.json", "README.md"}},
  };
  for (const Kind& kind : kinds) {
    CAPTURE(kind.what);
    for (const std::string_view name : kind.yes) {
      CAPTURE(name);
      CHECK(kind.is(name));
    }
    for (const std::string_view name : kind.no) {
      CAPTURE(name);
      CHECK_FALSE(kind.is(name));
    }
  }
}

TEST_CASE("a name is a folder and a base name") {
  CHECK(base_name("a/b/c.gguf") == "c.gguf");
  CHECK(folder_part("a/b/c.gguf") == "a/b/");
  CHECK(base_name("c.gguf") == "c.gguf");
  CHECK(folder_part("c.gguf").empty());
  CHECK(without_zst("c.gguf.zst") == "c.gguf");
  CHECK(without_zst("c.gguf") == "c.gguf");
}

TEST_CASE("part names: five or six digits, dash or underscore, both formats") {
  struct Row {
    std::string name;
    bool is_part;
    std::string prefix;
    std::uint64_t number, total;
  };
  const Row rows[] = {
      {"model-00001-of-00003.safetensors", true, "model-", 1, 3},
      {"model-00001-of-000163.safetensors", true, "model-", 1, 163},
      {"model_00072-of-00072.safetensors", true, "model_", 72, 72},
      {"Mixtral-8x7B.Q8_0-00002-of-00005.gguf", true, "Mixtral-8x7B.Q8_0-", 2, 5},
      {"a-00002-of-00005.gguf.zst", true, "a-", 2, 5},
      {"model-0001-of-0003.safetensors", false, "", 0, 0},
      {"model-00001-of-00003.bin", false, "", 0, 0},
      {"model.safetensors", false, "", 0, 0},
      {"00001-of-00003.gguf", false, "", 0, 0},
      {"x-00001-of-.gguf", false, "", 0, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto part = parse_part_name(row.name);
    REQUIRE(part.has_value() == row.is_part);
    if (!part) continue;
    CHECK(part->prefix == row.prefix);
    CHECK(part->number == row.number);
    CHECK(part->total == row.total);
  }
}

TEST_CASE("a repository's folder gives its name") {
  struct Row {
    std::string folder;
    std::optional<std::string> name;
  };
  for (const Row& row : {Row{"models--meta-llama--Llama-3.1-8B", "meta-llama/Llama-3.1-8B"},
                         Row{"models--gpt2", "gpt2"}, Row{"models--a--b--c", "a/b--c"}, Row{"datasets--squad", {}},
                         Row{"spaces--a--b", {}}, Row{"models", {}}, Row{"", {}}}) {
    CAPTURE(row.folder);
    CHECK(repository_of(row.folder) == row.name);
  }
}

TEST_CASE("a place in a Hugging Face cache, by its path") {
  struct Row {
    std::string path;
    std::optional<HubPath> place;
  };
  for (const Row& row : {Row{"/hub/models--a--b/snapshots/c0ffee", HubPath{"a/b", "c0ffee", ""}},
                         Row{"/hub/models--a--b/snapshots/c0ffee/unet/old", HubPath{"a/b", "c0ffee", "unet/old"}},
                         Row{"/snapshots/x/models--a/snapshots/1", HubPath{"a", "1", ""}},
                         Row{"/hub/models--a--b/blobs/00ff", {}}, Row{"/hub/datasets--a--b/snapshots/1", {}}}) {
    CAPTURE(row.path);
    const auto place = hub_path_of(row.path);
    REQUIRE(place.has_value() == row.place.has_value());
    if (!place) continue;
    CHECK(place->repository == row.place->repository);
    CHECK(place->commit == row.place->commit);
    CHECK(place->inside == row.place->inside);
  }
}
