#include "src/checkpoint/selection.h"

#include <algorithm>
#include <map>

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

std::string index_of(const std::vector<std::string>& files) {
  std::string text = R"({"metadata": {"total_size": 8}, "weight_map": {)";
  for (std::size_t i = 0; i < files.size(); ++i) {
    text += (i == 0 ? "" : ", ") + ('"' + std::to_string(i)) + R"(": ")" + files[i] + '"';
  }
  return text + "}}";
}

// A folder of names; only index files have content.
Folder folder_of(std::vector<std::string> names, const std::map<std::string, std::string>& contents = {}) {
  Folder folder;
  folder.path = "models/some";
  folder.name = "some";
  for (const auto& [name, text] : contents) names.push_back(name);
  std::ranges::sort(names);
  folder.names = std::move(names);
  const auto shared = std::make_shared<std::map<std::string, std::string>>(contents);
  folder.open = [shared](const std::string& name) -> std::unique_ptr<ByteSource> {
    return std::make_unique<MemorySource>(std::as_bytes(std::span(shared->at(name))));
  };
  return folder;
}

std::vector<std::string_view> codes(const Selection& selection) {
  std::vector<std::string_view> found;
  for (const Finding& finding : selection.findings) found.push_back(name_of(finding.code));
  return found;
}

}  // namespace

TEST_CASE("which files of a folder make up the model") {
  using Names = std::vector<std::string>;
  struct Row {
    std::string what;
    Names names;
    std::map<std::string, std::string> indexes;
    std::vector<Names> models;
    std::vector<std::string_view> codes;  // findings of the first model
  };
  const Row rows[] = {
      {"one file", {"model.safetensors", "config.json"}, {}, {{"model.safetensors"}}, {}},
      {"a whole set beside an index of another",
       {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
       {{"model.safetensors.index.json",
         index_of({"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"})}},
       {{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}},
       {"two-generations"}},
      {"a set that is not whole either: the index decides",
       {"model-00001-of-00002.safetensors", "model-00001-of-00003.safetensors"},
       {{"model.safetensors.index.json",
         index_of({"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"})}},
       {{"model-00001-of-00003.safetensors"}},
       {"file-left-out"}},
      {"an index of which nothing is there: what is there counts",
       {"model.safetensors", "other.safetensors"},
       {{"model.safetensors.index.json", index_of({"model-00001-of-00030.safetensors"})}},
       {{"model.safetensors"}},
       {"two-generations", "file-left-out"}},
      {"Mistral's own form beside several models",
       {"a.safetensors", "b.safetensors", "consolidated.safetensors"},
       {},
       {{"a.safetensors"}, {"b.safetensors"}},
       {"copy-left-out"}},
      {"two files with the number of one part",
       {"m-00001-of-00002.gguf", "m-000001-of-000002.gguf", "m-00002-of-00002.gguf"},
       {},
       {{"m-000001-of-000002.gguf", "m-00002-of-00002.gguf"}},
       {"file-left-out"}},
      {"GGUF files at the root of a pipeline are no copies of it",
       {"flavour-Q4_0.gguf", "vae/diffusion_pytorch_model.safetensors"},
       {{"model_index.json", "{}"}},
       {{"vae/diffusion_pytorch_model.safetensors"}, {"flavour-Q4_0.gguf"}},
       {}},
      {"index and shards",
       {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
       {{"model.safetensors.index.json",
         index_of({"model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"})}},
       {{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}},
       {}},
      {"index of one file, as MLX writes it",
       {"model.safetensors"},
       {{"model.safetensors.index.json", index_of({"model.safetensors"})}},
       {{"model.safetensors"}},
       {}},
      {"a whole file beside an index with shards: two generations",
       {"model.safetensors", "model-00001-of-00001.safetensors"},
       {{"model.safetensors.index.json", index_of({"model-00001-of-00001.safetensors"})}},
       {{"model-00001-of-00001.safetensors"}},
       {"two-generations", "file-left-out"}},
      {"Mistral's own copy and PyTorch twins do not count twice",
       {"model-00001-of-00001.safetensors", "consolidated.safetensors", "pytorch_model.bin"},
       {{"model.safetensors.index.json", index_of({"model-00001-of-00001.safetensors"})}},
       {{"model-00001-of-00001.safetensors"}},
       {"copy-left-out"}},
      {"Mistral's own form alone is the model",
       {"consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors", "params.json"},
       {},
       {{"consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"}},
       {}},
      {"a tower in a file of its own, by the index",
       {"model-00001-of-00001.safetensors", "model-vision.safetensors"},
       {{"model.safetensors.index.json", index_of({"model-00001-of-00001.safetensors", "model-vision.safetensors"})}},
       {{"model-00001-of-00001.safetensors", "model-vision.safetensors"}},
       {}},
      {"counted from 0, gpt-oss",
       {"model-00000-of-00002.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
       {},
       {{"model-00000-of-00002.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}},
       {}},
      {"the plain set wins over a variant",
       {"model.safetensors", "model.fp16.safetensors"},
       {},
       {{"model.safetensors"}},
       {"file-left-out"}},
      {"an adapter beside a model is no part of it",
       {"model.safetensors", "adapter_model.safetensors", "adapter_config.json"},
       {},
       {{"model.safetensors"}},
       {"adapter-left-out"}},
      {"an adapter alone",
       {"adapter_model.safetensors", "adapter_config.json"},
       {},
       {{"adapter_model.safetensors"}},
       {}},
      {"unrelated files, each a model",
       {"a.safetensors", "b.safetensors"},
       {},
       {{"a.safetensors"}, {"b.safetensors"}},
       {}},
      {"GGUF files, splits as one, beside safetensors",
       {"model.safetensors", "x-00001-of-00002.gguf", "x-00002-of-00002.gguf", "y.gguf"},
       {},
       {{"model.safetensors"}, {"x-00001-of-00002.gguf", "x-00002-of-00002.gguf"}, {"y.gguf"}},
       {}},
      {"a diffusers pipeline, part by part; the copy at the root is not counted",
       {"flavour.safetensors", "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors"},
       {{"model_index.json", "{}"}},
       {{"unet/diffusion_pytorch_model.safetensors"}, {"vae/diffusion_pytorch_model.safetensors"}},
       {"file-left-out"}},
      {"nothing", {"README.md", "pytorch_model.bin"}, {}, {}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const std::vector<Selection> selections = select_models(folder_of(row.names, row.indexes));
    std::vector<Names> models;
    for (const Selection& selection : selections) models.push_back(selection.files);
    CHECK(models == row.models);
    if (!selections.empty()) CHECK(codes(selections.front()) == row.codes);
  }
}

TEST_CASE("components of a pipeline are those that model_index.json lists") {
  struct Row {
    std::string what;
    std::string index;
    std::vector<std::string> components;
  };
  const std::vector<Row> rows = {
      {"a component that is switched off is a model beside the pipeline",
       R"({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
           "image_encoder": [null, null], "scheduler": ["diffusers", "DDIMScheduler"]})",
       {"", "unet"}},
      {"an index that lists nothing says nothing", "{}", {"image_encoder", "unet"}},
      {"nor does one that is broken", "{\"unet\": [", {"image_encoder", "unet"}},
      {"nor one of another form", R"([["unet"]])", {"image_encoder", "unet"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Folder folder =
        folder_of({"image_encoder/model.safetensors", "unet/model.safetensors"}, {{"model_index.json", row.index}});
    std::vector<std::string> components;
    for (const Selection& selection : select_models(folder)) components.push_back(selection.component);
    CHECK(components == row.components);
  }
}

TEST_CASE("what is left out is named, file by file and for what it is") {
  struct Row {
    std::vector<std::string> names;
    std::map<std::string, std::string> indexes;
    std::vector<std::string> left_out;
    std::string_view why;
  };
  const std::string shard = "model-00001-of-00001.safetensors";
  const std::pair<const std::string, std::string> plain{"model.safetensors.index.json", index_of({shard})};
  const std::string other = index_of({"x.safetensors"});
  const std::string_view index = "the index of another form of the weights, not followed";
  const std::string_view copy = "the same weights in another form, not counted again";
  for (const Row& row : {
           Row{{shard},
               {plain, {"consolidated.safetensors.index.json", other}},
               {"consolidated.safetensors.index.json"},
               index},
           Row{{shard},
               {plain, {"model.safetensors.index.fp16.json", other}},
               {"model.safetensors.index.fp16.json"},
               index},
           Row{{shard}, {plain, {"pytorch_model.bin.index.json", other}}, {"pytorch_model.bin.index.json"}, index},
           Row{{"model.safetensors"},
               {{"consolidated.safetensors.index.json", other}},
               {"consolidated.safetensors.index.json"},
               index},
           Row{{shard, "consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"},
               {plain},
               {"consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"},
               copy},
           Row{{shard, "pytorch_model.bin"}, {plain}, {"pytorch_model.bin"}, copy},
       }) {
    CAPTURE(row.left_out);
    const std::vector<Selection> selections = select_models(folder_of(row.names, row.indexes));
    REQUIRE(selections.size() == 1);
    REQUIRE(selections.front().findings.size() == 1);
    const Finding& finding = selections.front().findings.front();
    CHECK(finding.files == row.left_out);
    CHECK(finding.severity == Severity::Note);
    CHECK(finding.message.ends_with(row.why));
  }
}

TEST_CASE("a broken index hides no other model of its folder") {
  const auto found = select_all_models(
      folder_of({"a.safetensors", "b.gguf"}, {{"model.safetensors.index.json", index_of({"../a.safetensors"})}}));
  REQUIRE(found.selections.size() == 1);
  CHECK(found.selections.front().files == std::vector<std::string>{"b.gguf"});
  REQUIRE(found.failures.size() == 1);
  CHECK_THROWS_AS(std::rethrow_exception(found.failures.front().error), FormatError);
}

TEST_CASE("a set is found from any one of its parts") {
  const Folder folder =
      folder_of({"x-00001-of-00003.gguf", "x-00002-of-00003.gguf", "x-00003-of-00003.gguf", "y.gguf"});
  for (const char* name : {"x-00001-of-00003.gguf", "x-00002-of-00003.gguf", "x-00003-of-00003.gguf"}) {
    CAPTURE(name);
    const Selection selection = select_for_file(folder, name);
    CHECK(selection.files.size() == 3);
    CHECK(selection.missing_count == 0);
    CHECK(selection.name == "x.gguf");
  }
  CHECK(select_for_file(folder, "y.gguf").files == std::vector<std::string>{"y.gguf"});
}

TEST_CASE("a shard or the index stands for the whole set") {
  const Folder folder = folder_of(
      {"model-00001-of-00002.safetensors", "tower.safetensors"},
      {{"model.safetensors.index.json",
        index_of({"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "tower.safetensors"})}});
  for (const char* name : {"model-00001-of-00002.safetensors", "tower.safetensors", "model.safetensors.index.json"}) {
    CAPTURE(name);
    const Selection selection = select_for_file(folder, name);
    CHECK(selection.files.size() == 2);
    CHECK(selection.missing == std::vector<std::string>{"model-00002-of-00002.safetensors"});
  }
}

TEST_CASE("missing parts are counted, and only the first few named") {
  const Selection selection = select_for_file(folder_of({"x-00002-of-99999.gguf"}), "x-00002-of-99999.gguf");
  CHECK(selection.missing_count == 99998);
  CHECK(selection.missing.size() == 5);
  CHECK(selection.missing.front() == "part 1 of 99999");
}

TEST_CASE("an index that cannot be trusted is refused") {
  const std::string bad[] = {
      index_of({"../secret.safetensors"}),
      index_of({"/etc/passwd"}),
      index_of({"https://host/model.safetensors"}),
      index_of({"a/../../b.safetensors"}),
      R"({"metadata": {}})",
      "[]",
      R"({"weight_map": {"a": 1}})",
      R"({"weight_map": {"a": "b")",
      "",
      R"({"weight_map": {}, "weight_map": {}})",
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_THROWS_AS(select_models(folder_of({"b.safetensors"}, {{"model.safetensors.index.json", text}})), Error);
  }
}

TEST_CASE("claims of an index that are no whole numbers are ignored with a finding") {
  struct Row {
    std::string claim;
    Severity severity;
  };
  for (const Row& row :
       {Row{R"("total_size": "123")", Severity::Warning}, Row{R"("total_size": null)", Severity::Warning},
        Row{R"("total_size": [])", Severity::Warning}, Row{R"("total_size": 1.5)", Severity::Note},
        Row{R"("total_size": -1)", Severity::Note}, Row{R"("total_parameters": "1")", Severity::Note}}) {
    CAPTURE(row.claim);
    const std::string text = R"({"metadata": {)" + row.claim + R"(}, "weight_map": {"t": "b.safetensors"}})";
    const auto selections = select_models(folder_of({"b.safetensors"}, {{"model.safetensors.index.json", text}}));
    REQUIRE(selections.size() == 1);
    CHECK_FALSE(selections.front().index->total_size.has_value());
    CHECK_FALSE(selections.front().index->total_parameters.has_value());
    CHECK(codes(selections.front()) == std::vector<std::string_view>{"index-claim"});
    CHECK(selections.front().findings.front().severity == row.severity);
  }
}
