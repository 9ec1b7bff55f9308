"""The operations that the pretend AWS answers, by service; `table` lists them."""
