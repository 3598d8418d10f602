weigh estimate --params 7B --precision float16 --on rtx-4060-laptop --json
